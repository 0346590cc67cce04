"""Registers annotation: genes, transcripts and products of a genome, with the sequences that they have.

One pass over the files sorts their lines by gene (`sorter`), with seqids resolved through the collection (`regions`).
Then every gene is assembled and its sequences are made (`derive`), and everything waits in temporary tables (`rows`)
for one transaction. `published` compares with FASTA files of the provider.
"""
