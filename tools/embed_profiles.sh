#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: embed_profiles.sh FILE.profile...  : a C file with each profile as a string.
set -e
echo '/* Generated from profiles/. */'
echo '#include "profile.h"'
echo 'const struct embedded_profile embedded_profiles[] = {'
for f in "$@"; do
	name=${f##*/}
	echo "	{\"${name%.profile}\","
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/	/\\t/g' -e 's/^/	"/' -e 's/$/\\n"/' "$f"
	echo '	},'
done
echo '	{0, 0},'
echo '};'
