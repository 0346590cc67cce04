"""Pure parsers of genome annotation, and what follows from it: from lines of GFF3 or GTF to genes, and to residues.

`lines` reads lines of both formats into one form. `headers` reads what a file says about itself. `sorting` assigns
lines to genes while they arrive. `assembly` makes the models (`models`) of a gene from its lines, with the ids, symbols
and tags that `naming` finds. `splicing` places coding sequences in transcripts; `translation` makes proteins with the
genetic codes of `codes`.
"""
