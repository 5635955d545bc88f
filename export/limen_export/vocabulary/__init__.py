"""Vocabulary trimming: rows of the embedding table that no text of a corpus reads are left out."""

from limen_export.vocabulary.keeping import VocabularyReport, keep_vocabulary, unchanged_texts

__all__ = ["VocabularyReport", "keep_vocabulary", "unchanged_texts"]
