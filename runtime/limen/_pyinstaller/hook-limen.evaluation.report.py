"""Bring the style sheet along, where a program makes the report."""

from PyInstaller.utils.hooks import collect_data_files

datas = collect_data_files("limen.evaluation.report")
