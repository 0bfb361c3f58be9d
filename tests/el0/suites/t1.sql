-- Tables, an index, a transaction taken back, a join, a sort that needs memory: all in one database.
CREATE TABLE t(id INTEGER PRIMARY KEY, k TEXT, v INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO t SELECT i, 'key' || (i * 7919 % 20011), i * i % 1009 FROM n;
CREATE INDEX tk ON t(k);
BEGIN; DELETE FROM t WHERE id % 2; ROLLBACK;
SELECT count(*), sum(v) FROM t;
SELECT a.k, b.v FROM t a JOIN t b ON a.k = b.k WHERE a.id = 12345;
SELECT group_concat(k) FROM (SELECT k FROM t ORDER BY v, k LIMIT 3);
PRAGMA integrity_check;
SELECT CASE WHEN count(*) = 20000 THEN 'SQL OK' ELSE 'SQL BAD' END FROM t;
