"""The paths of refget. A trailing slash is accepted everywhere, without a redirect; a name may hold slashes."""

from django.urls import re_path

from ga4gh.views import NothingView
from refget_app.protocol import PROTOCOL as PROTOCOL
from refget_app.views import MetadataView, SequenceView, ServiceInfoView

app_name = "refget"
urlpatterns = [
    re_path(r"^sequence/service-info/?\Z", ServiceInfoView.as_view(), name="service-info"),
    # Nearly every request: an id without a slash. Patterns are tried in order, and each costs time.
    re_path(r"^sequence/(?P<identifier>[^/]+)/?\Z", SequenceView.as_view(), name="sequence"),
    # The form of the CRAM reference registry, for htslib's REF_PATH.
    re_path(r"^md5/(?P<identifier>[0-9A-Fa-f]{32})/?\Z", SequenceView.as_view(), name="md5"),
    re_path(r"^sequence/(?P<identifier>[\s\S]+?)/metadata/?\Z", MetadataView.as_view(), name="metadata"),
    re_path(r"^sequence/(?P<identifier>[\s\S]+?)/?\Z", SequenceView.as_view(), name="sequence"),
    re_path(r"^service-info/?\Z", ServiceInfoView.as_view()),
    re_path(r"^(?:sequence/?|md5/[\s\S]*|md5)\Z", NothingView.as_view(protocol=PROTOCOL)),
]
