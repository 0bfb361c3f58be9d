#!/bin/bash
# SPDX-License-Identifier: MIT
# The HTML report without its document: cmd/quire/map/report.html with style, D3 and scripts in their places, on stdout.
# The line @DOCUMENT@ is left for the program.
#   tools/embed_report.sh
cd "$(dirname "$0")/.." || exit 1
export LC_ALL=C
from=cmd/quire/map
while IFS= read -r line; do
	case $line in
	@STYLE@) cat $from/report.css ;;
	@D3LICENSE@) sed 's|\*/|* /|g' third_party/d3/LICENSE ;;
	@D3@) cat third_party/d3/d3.min.js ;;
	@SCRIPT@) cat $from/{format,ranges,model,tables,physical,replay,lists,virtual,main}.js ;;
	*) printf '%s\n' "$line" ;;
	esac
done <$from/report.html
