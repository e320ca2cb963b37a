"""How do numbers look? SVG made here, with nothing in it but shapes, texts and classes of the stylesheet.

Every picture names what it answers, labels its parts directly, begins its bars at zero, and tells by shape or
lightness what it tells by colour.
"""

from serving.pages.charts.drawing import WIDTH, drawing, tag
from serving.pages.charts.payments import behaviour
from serving.pages.charts.scores import waterfall
from serving.pages.charts.small import ageing, meter, reason_bar, rhythm, shape, spark
from serving.pages.charts.standing import limit_use, tier_steps

BUCKETS = ("current", "1–30", "31–60", "61–90", "90+")

__all__ = [
    "BUCKETS",
    "WIDTH",
    "ageing",
    "behaviour",
    "drawing",
    "limit_use",
    "meter",
    "reason_bar",
    "rhythm",
    "shape",
    "spark",
    "tag",
    "tier_steps",
    "waterfall",
]
