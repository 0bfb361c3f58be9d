// SPDX-License-Identifier: MIT
/* Runs what standard input says on a database: sqlite3 FILE (":memory:" for none), rows to standard output. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int row(void *ctx, int n, char **values, char **names)
{
	(void)ctx;
	(void)names;
	for (int i = 0; i < n; i++)
		printf("%s%s", i ? "|" : "", values[i] ? values[i] : "");
	putchar('\n');
	return 0;
}

int main(int argc, char **argv)
{
	size_t size = 0, room = 1 << 16, n;
	char *text = malloc(room), *error = NULL;
	sqlite3 *db;

	if (sqlite3_open(argc > 1 ? argv[1] : ":memory:", &db) || !text)
		return 2;
	if (argc > 2)
		return sqlite3_exec(db, argv[2], row, NULL, NULL) != SQLITE_OK;
	while ((n = fread(text + size, 1, room - size - 1, stdin)) > 0) {
		size += n;
		if (room - size < 2) {
			room *= 2;
			text = realloc(text, room);
			if (!text)
				return 2;
		}
	}
	text[size] = '\0';
	if (sqlite3_exec(db, text, row, NULL, &error) != SQLITE_OK) {
		fprintf(stderr, "sqlite3: %s\n", error);
		return 1;
	}
	sqlite3_close(db);
	free(text);
	return 0;
}
