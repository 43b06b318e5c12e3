"""Comparisons and results for readers: in the terminal, as a page, as a picture. Drawing libraries load when used."""

from __future__ import annotations

from penchant.evaluation.reports.charts import main_chart, png, svg
from penchant.evaluation.reports.evenness import fairness_page, fairness_text
from penchant.evaluation.reports.page import page
from penchant.evaluation.reports.table import comparison_parts, comparison_text, result_parts, result_text

__all__ = [
    "comparison_parts", "comparison_text", "fairness_page", "fairness_text", "main_chart", "page", "png", "result_parts",
    "result_text", "svg",
]  # fmt: skip
