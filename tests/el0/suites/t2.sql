-- The same file from several connections of this script's caller: a write-ahead log (shared memory), a page cache too small for the data,
-- a vacuum, a check. The caller greps the last line.
PRAGMA page_size = 4096;
PRAGMA cache_size = 50;
PRAGMA journal_mode = WAL;
CREATE TABLE t(id INTEGER PRIMARY KEY, k TEXT, blob BLOB);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)
INSERT INTO t SELECT i, 'key' || (i * 7919 % 20011), zeroblob(i % 700) FROM n;
CREATE UNIQUE INDEX tk ON t(k);
DELETE FROM t WHERE id % 4 = 0;
UPDATE t SET blob = k || id WHERE id % 4 = 1;
PRAGMA wal_checkpoint(TRUNCATE);
PRAGMA mmap_size = 67108864;
SELECT count(*), sum(length(blob)), min(k), max(k) FROM t;
VACUUM;
PRAGMA journal_mode = DELETE;
PRAGMA integrity_check;
SELECT CASE WHEN count(*) = 6000 AND sum(id) = 24000000 THEN 'FILE OK' ELSE 'FILE BAD' END FROM t;
