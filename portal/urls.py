"""The paths of the pages. A trailing slash is accepted everywhere, without a redirect; ids may hold slashes."""

from django.urls import path, re_path
from django.views.generic import RedirectView

from portal.pages import account, collections, datasets, files, genes, home, search, sequences

urlpatterns = [
    path("", home.home, name="home"),
    re_path(r"^search/?\Z", search.search, name="search"),
    re_path(r"^datasets/?\Z", datasets.dataset_list, name="datasets"),
    re_path(r"^datasets/(?P<slug>[^/]+)/?\Z", datasets.dataset, name="dataset"),
    re_path(r"^files/(?P<kind>reads|variants)/(?P<htsget_id>[\s\S]*)\Z", files.file, name="file"),
    re_path(r"^sequences/(?P<identifier>[\s\S]+?)\.fa\Z", sequences.sequence_fasta, name="sequence-fasta"),
    re_path(r"^sequences/(?P<identifier>[\s\S]+?)/?\Z", sequences.sequence, name="sequence"),
    # Files of collections, such as `.fa`, are the protocol's, which comes before: see seqcol_app/urls.py.
    re_path(r"^collections/?\Z", collections.collection_list, name="collections"),
    re_path(r"^collections/(?P<identifier>[\s\S]+?)/?\Z", collections.collection, name="collection"),
    re_path(r"^genes/?\Z", genes.genome_list, name="genomes"),
    # Ids may hold slashes: of the genome one path segment, of the gene the rest.
    re_path(r"^genes/(?P<genome_id>[^/]+)/?\Z", genes.genome, name="genome"),
    re_path(r"^genes/(?P<genome_id>[^/]+)/(?P<identifier>[\s\S]+?)\Z", genes.gene, name="gene"),
    path("account/", account.account, name="account"),
    path("account/tokens/<int:pk>/revoke", account.revoke, name="revoke-token"),
    path("account/page-token", account.page_token, name="page-token"),
    path("favicon.ico", RedirectView.as_view(url="/static/portal/favicon.svg", permanent=True)),
]
