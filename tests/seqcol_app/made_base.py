"""The collection of the official checks, and its digests."""

from typing import Any

BASE = {"chrX": b"TTGGGGAA", "chr1": b"GGAA", "chr2": b"GCGC"}
BASE_DIGEST = "XZlrcEGi6mlopZ2uD8ObHkQB1d0oDwKk"
ORDER_DIGEST = "Tpdsg75D4GKCGEHtIiDSL9Zx-DSuX5V8"
NAMES_DIGEST = "QvT5tAQ0B8Vkxd-qFftlzEk2QyfPtgOv"
LEVEL1 = {
    "lengths": "cGRMZIb3AVgkcAfNv39RN7hnT5Chk7RX",
    "name_length_pairs": "B9MESWM8k-hK_OeQK8bZNAG74pLY0Ujq",
    "names": "Fw1r9eRxfOZD98KKrhlYQNEdSRHoVxAG",
    "sequences": "0uDQVLuHaOZi1u76LjV__yrVUIz9Bwhr",
    "sorted_name_length_pairs": "zjM1Ie9m0zFbqsAnZ6jAJSXuFpKTr40J",
    "sorted_sequences": "KgWo6TT1Lqw6vgkXU9sYtCU9xwXoDt6M",
}
LEVEL2: dict[str, list[Any]] = {
    "lengths": [8, 4, 4],
    "name_length_pairs": [
        {"length": 8, "name": "chrX"},
        {"length": 4, "name": "chr1"},
        {"length": 4, "name": "chr2"},
    ],
    "names": ["chrX", "chr1", "chr2"],
    "sequences": [
        "SQ.iYtREV555dUFKg2_agSJW6suquUyPpMw",
        "SQ.YBbVX0dLKG1ieEDCiMmkrTZFt_Z5Vdaj",
        "SQ.AcLxtBuKEPk_7PGE_H4dGElwZHCujwH6",
    ],
    "sorted_sequences": [
        "SQ.AcLxtBuKEPk_7PGE_H4dGElwZHCujwH6",
        "SQ.YBbVX0dLKG1ieEDCiMmkrTZFt_Z5Vdaj",
        "SQ.iYtREV555dUFKg2_agSJW6suquUyPpMw",
    ],
}
