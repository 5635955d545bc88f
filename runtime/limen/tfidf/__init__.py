"""The encoder of kind `tfidf`: scikit-learn's text vectorisers, in Python and numpy."""
