"""Parts of tables of names, as others publish them."""

#: The heading of an assembly report of NCBI.
REPORT_COLUMNS = (
    "# Sequence-Name\tSequence-Role\tAssigned-Molecule\tAssigned-Molecule-Location/Type\tGenBank-Accn\tRelationship\t"
    "RefSeq-Accn\tAssembly-Unit\tSequence-Length\tUCSC-style-name\n"
)
