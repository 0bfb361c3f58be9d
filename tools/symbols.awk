# SPDX-License-Identifier: MIT
# From `nm -n` of the linked image: the table of functions that port_symbolize reads, as an assembly file.
# Offsets are relative to _text, so the table needs no relocation. Without input it makes an empty table.
BEGIN { n = 0; bytes = 0 }
function hex(s,   i, v) {
	v = 0
	for (i = 1; i <= length(s); i++)
		v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
	return v
}
$3 == "_text" { base = substr($1, 9); next }
# The last end of code: where the initial text stops.
$3 == "__inittext_end" { end = substr($1, 9); next }
$3 == "_etext" || $3 == "__start_rodata" { if (n && $1 != last) { name[n] = "."; addr[n++] = substr($1, 9); last = $1 } next }
$2 ~ /^[tTwW]$/ && $3 !~ /^[$.]/ && $3 !~ /^__(rela|bss|data|end|stack|init|start)/ {
	if ($1 == last)
		next
	last = $1
	name[n] = $3
	addr[n++] = substr($1, 9)
}
END {
	print "\t.section .symbols, \"a\""
	print "\t.balign 4"
	printf "\t.globl symbol_count\nsymbol_count:\n\t.long %d\n", n
	print "\t.globl symbol_offsets\nsymbol_offsets:"
	for (i = 0; i < n; i++)
		printf "\t.long %u\n", hex(addr[i]) - hex(base)
	printf "\t.long %u\n", n ? hex(end) - hex(base) : 0
	print "\t.globl symbol_names\nsymbol_names:"
	for (i = 0; i < n; i++) {
		printf "\t.long %d\n", bytes
		bytes += length(name[i]) + 1
	}
	print "\t.globl symbol_strings\nsymbol_strings:"
	for (i = 0; i < n; i++)
		printf "\t.asciz \"%s\"\n", name[i]
	print "\t.balign 8"
}
