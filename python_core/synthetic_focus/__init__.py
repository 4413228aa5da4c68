"""Synthetic Focus: gives casual footage the focus of cinema."""
