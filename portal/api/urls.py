"""The paths of the API. A trailing slash is accepted everywhere, without a redirect."""

from django.urls import re_path

from portal.api import match, views, write_views
from portal.api.protocol import PROTOCOL as PROTOCOL
from portal.api.resources import RESOURCES

app_name = "api"
urlpatterns = [
    re_path(r"^api/schema/?\Z", views.SchemaView.as_view(), name="schema"),
    re_path(r"^api/docs/?\Z", views.DocsView.as_view(), name="docs"),
    re_path(r"^api/collections/match/?\Z", match.MatchView.as_view()),
    *(re_path(rf"^api/{each.name}/?\Z", write_views.list_view(each), name=each.name) for each in RESOURCES),
    *(
        re_path(rf"^api/{each.name}/(?P<{each.key}>[^/]+)/?\Z", write_views.item_view(each))
        for each in RESOURCES
        if each.one is not None
    ),
    *(
        re_path(
            rf"^api/{each.name}/(?P<{each.key}>[^/]+)/{action}/?\Z",
            write_views.ActionView.as_view(resource=each, action=action),
        )
        for each in RESOURCES
        for action in each.actions
    ),
    *(re_path(rf"^{path[1:]}(?:/[\s\S]*)?\Z", views.UnknownView.as_view()) for path in PROTOCOL.paths),
]
