"""Bring the sentences along, where a program reads them."""

from PyInstaller.utils.hooks import collect_data_files

datas = collect_data_files("limen.corpus")
