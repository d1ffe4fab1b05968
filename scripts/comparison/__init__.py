"""How scripts/upstream.py compares two OpenAPI documents: read, bring into one form, compare, judge, tell."""
