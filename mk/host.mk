# The command: build/quire. One core object a granule (all its symbols local but the entry table), linked with
# the command line and the host port's granule-independent parts.
H := $(B)/host
.PHONY: host
host:
