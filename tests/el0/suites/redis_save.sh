#!/bin/sh
# SPDX-License-Identifier: MIT
# redis saves by copy-on-write: what a forked child writes must be what there was at the fork, whatever the parent has written since.
#
# 2,000 strings of 500 bytes, known by their digest. While the child saves, slowly, the parent overwrites every string where it lies. Then a
# second server loads the file: its digest must be the old one, and the first server's strings all new. Ends with "REDIS OK".
cd /tmp || exit 1
mkdir one two
server() {
	redis-server --port 0 --unixsocket "/tmp/$1.sock" --dir "/tmp/$1" --save '' --appendonly no --enable-debug-command yes >"/tmp/$1.log" 2>&1 &
	i=0
	until redis-cli -s "/tmp/$1.sock" ping 2>/dev/null | grep -q PONG; do
		i=$((i + 1))
		if [ $i -gt 200 ]; then
			echo "server $1 does not answer"
			tail -n 5 "/tmp/$1.log"
			exit 1
		fi
		usleep 50000
	done
}
one() { redis-cli -s /tmp/one.sock "$@"; }
two() { redis-cli -s /tmp/two.sock "$@"; }
info() { one info persistence | tr -d '\r' | sed -n "s/^$1://p"; }
bad() {
	echo "BAD: $*"
	exit 1
}

server one
one eval 'for i = 1, 2000 do redis.call("set", "k" .. i, string.rep("old" .. i .. "-", 100):sub(1, 500)) end return redis.call("dbsize")' 0
old=$(one debug digest)
one config set rdb-key-save-delay 400 >/dev/null
one bgsave
for part in 0 1 2 3; do
	one eval 'for i = ARGV[1] * 500 + 1, ARGV[1] * 500 + 500 do redis.call("setrange", "k" .. i, 0, string.rep("N", 500)) end return "ok"' 0 $part >/dev/null
done
[ "$(info rdb_bgsave_in_progress)" = 1 ] || bad 'the child had ended before the writing did'
one config set rdb-key-save-delay 0 >/dev/null
i=0
while [ "$(info rdb_bgsave_in_progress)" = 1 ]; do
	i=$((i + 1))
	[ $i -gt 400 ] && bad 'the child does not end'
	usleep 50000
done
[ "$(info rdb_last_bgsave_status)" = ok ] || bad 'the child failed'
[ "$(info rdb_last_cow_size)" -gt 1000000 ] || bad "the parent's copies: $(info rdb_last_cow_size) bytes"
new=$(one debug digest)
fresh=$(one eval 'local n = 0; for i = 1, 2000 do if redis.call("get", "k" .. i) == string.rep("N", 500) then n = n + 1 end end return n' 0)
[ "$fresh" = 2000 ] || bad "$fresh strings are new, not 2000"

cp one/dump.rdb two/
server two
[ "$(two debug digest)" = "$old" ] || bad "saved $(two debug digest), was $old"
[ "$new" != "$old" ] || bad 'the digest does not tell'
[ "$(two get k77 | cut -c1-12)" = old77-old77- ] || bad "$(two get k77)"

# And once more with the whole of it, in this process's time: SAVE and a load.
one save >/dev/null
cp one/dump.rdb two/
two debug reload nosave >/dev/null
[ "$(two debug digest)" = "$new" ] || bad "loaded $(two debug digest), has $new"
one shutdown nosave
two shutdown nosave
wait
echo REDIS OK
