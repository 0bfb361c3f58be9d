#!/bin/bash
# SPDX-License-Identifier: MIT
# Compiles the device-tree sources of a repository and lets quire check them.
#   check-device-trees.sh [FOLDER [OPTION...]]      options go to quire check: --severity error, --disable NAME, --sarif ...
# Sources that only others include (.dtsi), and overlays, are not looked at by themselves. Includes are searched beside the source, in FOLDER and in
# FOLDER/include. Exit: 0 clean, 1 findings, 2 a source does not compile or quire says so.
set -u
folder=${1:-.}
[ $# = 0 ] || shift
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
code=0 trees=()
while IFS= read -r -d '' source; do
	# An overlay is no board, and says nothing of memory by itself.
	grep -q '^[[:space:]]*/plugin/' "$source" && continue
	# A name that says where it comes from, one for each source.
	name=${source#"$folder"/}
	dtb=$out/${name//\//__}
	dtb=${dtb%.dts}.dtb
	if cpp -nostdinc -undef -D__DTS__ -x assembler-with-cpp -I "$(dirname "$source")" -I "$folder" -I "$folder/include" "$source" 2>"$out/errors" |
		dtc -q -@ -I dts -O dtb -i "$(dirname "$source")" -i "$folder" -o "$dtb" - 2>>"$out/errors" && [ -s "$dtb" ]; then
		trees+=("$dtb")
	else
		echo "$source does not compile:" >&2
		head -n 5 "$out/errors" >&2
		code=2
	fi
done < <(find "$folder" -name '*.dts' -print0 | sort -z)
if [ ${#trees[@]} = 0 ]; then
	echo "no device-tree sources compile in $folder" >&2
	exit 2
fi
(cd "$out" && quire check "${trees[@]##*/}" "$@")
found=$?
[ $found -gt $code ] && code=$found
exit $code
