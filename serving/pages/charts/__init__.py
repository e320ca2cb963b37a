"""How do numbers look? SVG made here, with nothing in it but shapes, texts and classes of the stylesheet.

Every picture names what it answers, labels its parts directly, begins its bars at zero, and tells by shape or
lightness what it tells by colour.
"""

from serving.languages import marked
from serving.pages.charts.bars import columns, rolls, stacked, tier_bars
from serving.pages.charts.causes import causes
from serving.pages.charts.curves import curve, differences
from serving.pages.charts.drawing import WIDTH, drawing, tag
from serving.pages.charts.payments import behaviour
from serving.pages.charts.scores import course, outcomes, shift, waterfall
from serving.pages.charts.small import ageing, meter, reason_bar, rhythm, shape, spark
from serving.pages.charts.standing import limit_use, tier_steps

BUCKETS = (marked("current"), "1–30", "31–60", "61–90", "90+")

__all__ = [
    "BUCKETS",
    "WIDTH",
    "ageing",
    "behaviour",
    "causes",
    "columns",
    "course",
    "curve",
    "differences",
    "drawing",
    "limit_use",
    "meter",
    "outcomes",
    "reason_bar",
    "rhythm",
    "rolls",
    "shape",
    "shift",
    "spark",
    "stacked",
    "tag",
    "tier_bars",
    "tier_steps",
    "waterfall",
]
