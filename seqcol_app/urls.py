"""The paths of sequence collections. A trailing slash is accepted everywhere, without a redirect."""

import re
from dataclasses import replace

from django.urls import re_path

from ga4gh.views import NothingView, ServiceInfoView
from seqcol_app import views
from seqcol_app.openapi import site_openapi
from seqcol_app.protocol import FILE_SUFFIXES
from seqcol_app.protocol import PROTOCOL as DECLARED

app_name = "seqcol"
PROTOCOL = replace(DECLARED, openapi=site_openapi)
_ROOT = r"^(?:seqcol/)?"
_SUFFIXES = "|".join(map(re.escape, FILE_SUFFIXES))
urlpatterns = [
    re_path(_ROOT + r"collection/(?P<identifier>[\s\S]+?)/?\Z", views.CollectionView.as_view()),
    re_path(_ROOT + r"comparison/(?P<a>[^/]+)/(?P<b>[^/]+)/?\Z", views.ComparisonView.as_view()),
    re_path(_ROOT + r"comparison/(?P<a>[^/]+)/?\Z", views.OwnComparisonView.as_view()),
    re_path(_ROOT + r"list/collection/?\Z", views.ListView.as_view()),
    re_path(_ROOT + r"list/attributes/(?P<attribute>[^/]+)/?\Z", views.AttributeListView.as_view()),
    re_path(
        _ROOT + r"attribute/collection/(?P<attribute>[^/]+)/(?P<identifier>[^/]+)/?\Z",
        views.AttributeView.as_view(),
    ),
    re_path(_ROOT + r"openapi\.json/?\Z", views.OpenApiView.as_view()),
    re_path(
        r"^seqcol/service-info/?\Z",
        ServiceInfoView.as_view(protocol=PROTOCOL),
        {"kind": "seqcol"},
    ),
    re_path(
        rf"^collections/(?P<identifier>[\s\S]+?)(?P<suffix>{_SUFFIXES})\Z",
        views.FileView.as_view(),
    ),
    re_path(
        _ROOT + r"(?:seqcol|collection|comparison|list|attribute)(?:/[\s\S]*)?\Z",
        NothingView.as_view(protocol=PROTOCOL),
    ),
]
