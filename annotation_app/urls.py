"""The paths of annotation. A trailing slash is accepted, without a redirect."""

from django.urls import re_path

from annotation_app.protocol import PROTOCOL as PROTOCOL
from annotation_app.views import GraphQLView
from ga4gh.views import NothingView, ServiceInfoView

app_name = "annotation"
urlpatterns = [
    re_path(r"^graphql/?\Z", GraphQLView.as_view(), name="graphql"),
    re_path(
        r"^graphql/service-info/?\Z",
        ServiceInfoView.as_view(protocol=PROTOCOL),
        {"kind": "annotation"},
    ),
    re_path(r"^graphql[\s\S]*\Z", NothingView.as_view(protocol=PROTOCOL)),
]
