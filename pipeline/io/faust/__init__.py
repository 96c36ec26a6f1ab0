"""The hardened adapter around faust-streaming."""
