"""Partial sums of one micro-batch: process and group write them, aggregate reads them."""
