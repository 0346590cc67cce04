"""The layout of the FASTA file of a collection."""

import random

import numpy as np

from catalogue.formats.fasta_layout import FastaLayout, residues_of, write_lines
from tests.catalogue.made_fasta import fasta_text, make_residues


def test_any_range_of_bytes() -> None:
    rng = random.Random(4)
    records = {
        f"r{number}é": make_residues(length, seed=number)
        for number, length in enumerate((1, 59, 60, 61, 120, 121, 3, 700))
    }
    whole = fasta_text(records)
    names, residues = [name.encode() for name in records], list(records.values())
    layout = FastaLayout(names, np.array([len(text) for text in residues], dtype=np.int64))
    assert layout.size == len(whole)
    for _ in range(3000):
        begin = rng.randint(0, len(whole))
        end = min(len(whole), begin + rng.choice([0, 1, 60, 61, 62, rng.randint(0, len(whole))]))
        written = b""
        for part in layout.parts(begin, end):
            record = residues[part.record]
            if part.is_header:
                written += (b">" + names[part.record] + b"\n")[part.begin : part.end]
            else:
                start, stop = residues_of(part, len(record))
                written += write_lines(part, record[start:stop])
        assert written == whole[begin:end], (begin, end)
    for number, name in enumerate(records):
        _, length, offset, line, width = layout.fai_line(number, name).split("\t")
        assert whole[int(offset) :].startswith(residues[number][: int(line)])
        assert (int(length), int(width)) == (len(residues[number]), int(line) + 1)
