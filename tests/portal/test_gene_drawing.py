"""The drawing of transcripts: every exon and coding part in its place and proportion."""

from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as some

from portal.gene_drawing import ROW, WIDTH, Transcript, draw

RANGES = some.lists(
    some.tuples(some.integers(0, 10_000), some.integers(1, 500)).map(lambda pair: (pair[0], sum(pair))),
    min_size=1,
)


def test_two_transcripts() -> None:
    first, second = draw(
        [Transcript("a", [(100, 200), (300, 400)], [(150, 200)]), Transcript("b", [(350, 400)], [])], 100, 600
    )
    assert [(box.x, box.width, box.codes) for box in first.boxes] == [
        (0.0, 200.0, False),
        (400.0, 200.0, False),
        (100.0, 100.0, True),
    ]
    assert first.line == (0.0, 600.0) and second.line == (500.0, 600.0)
    assert (first.y, second.y) == (0, ROW)


@examples(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(some.lists(RANGES, min_size=1, max_size=5))
def test_boxes_lie_inside_their_rows(all_exons: list[list[tuple[int, int]]]) -> None:
    start = min(begin for exons in all_exons for begin, _ in exons)
    end = max(stop for exons in all_exons for _, stop in exons)
    rows = draw([Transcript("t", exons, exons[:1]) for exons in all_exons], start, end)
    for number, (row, exons) in enumerate(zip(rows, all_exons, strict=True)):
        assert len(row.boxes) == len(exons) + 1
        for box in row.boxes:
            assert number * ROW <= box.y and box.y + box.height <= (number + 1) * ROW
            assert box.x >= 0 and box.x + box.width <= WIDTH + 2
        assert row.label_y < row.line_y
