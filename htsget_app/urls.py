"""The paths of htsget. An id may hold slashes, also at its ends."""

from django.urls import re_path

from ga4gh.views import NothingView, ServiceInfoView, ServicesView
from htsget_app.protocol import PROTOCOL as PROTOCOL
from htsget_app.views import DataView, TicketView

app_name = "htsget"
urlpatterns = [
    re_path(
        r"^(?P<kind>reads|variants)/service-info/?\Z",
        ServiceInfoView.as_view(protocol=PROTOCOL),
        name="service-info",
    ),
    re_path(r"^(?P<kind>reads|variants)/(?P<id>[\s\S]+)\Z", TicketView.as_view(), name="ticket"),
    re_path(r"^data/(?P<token>[\s\S]+)\Z", DataView.as_view(), name="data"),
    re_path(r"^services/?\Z", ServicesView.as_view(protocol=PROTOCOL), name="services"),
    re_path(r"^(?:reads|variants|data)/?\Z", NothingView.as_view(protocol=PROTOCOL)),
]
