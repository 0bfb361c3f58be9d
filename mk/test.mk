# Tests and benches.
.PHONY: test
test:
