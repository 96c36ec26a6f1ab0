"""Static analysis of a code base's error handling: ``tocsin analyze``; pure over path and text.

``survey.py`` is the entry: files in, a report out. Every language is one module that turns a text
into ``Facts``; ``rules.py`` decides about facts alone.
"""
