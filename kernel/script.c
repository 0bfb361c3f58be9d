// SPDX-License-Identifier: MIT
/*
 * execve: a program, or a text that names the one that reads it (Linux: fs/binfmt_script.c). "#!interpreter word" in the first line
 * becomes: interpreter word path-of-the-text, and what the caller gave after the name. An interpreter may be such a text itself, five times.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "vfs.h"

/* Linux's BINPRM_BUF_SIZE: how far the first line is looked at. */
#define LINE_SIZE 256U
#define MAX_DEPTH 5U

struct script {
	char line[LINE_SIZE + 1];
	char path[PATH_MAX]; /* of the text, as the interpreter is told */
	char *argv[];
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The line's interpreter, and its one word or NULL; -ENOEXEC: there is none. */
static int parse(char *line, char **interpreter, char **word)
{
	char *end = strchr(line, '\n'), *p = line + 2;

	/* A line that is cut must at least show where the interpreter's name ends. */
	if (!end) {
		end = line + strlen(line);
		while (is_blank(*p))
			p++;
		while (*p && !is_blank(*p))
			p++;
		if (!*p && end - line == LINE_SIZE)
			return -ENOEXEC;
		p = line + 2;
	}
	while (end > p && is_blank(end[-1]))
		end--;
	*end = '\0';
	while (is_blank(*p))
		p++;
	if (!*p)
		return -ENOEXEC;
	*interpreter = p;
	while (*p && !is_blank(*p))
		p++;
	*word = NULL;
	if (!*p)
		return 0;
	*p++ = '\0';
	while (is_blank(*p))
		p++;
	*word = *p ? p : NULL;
	return 0;
}

/* Does the file begin with "#!"? Its first line then. Positive: it does not. */
static long first_line(const char *path, char *line)
{
	struct open_file *f;
	long n = file_open_exec(AT_FDCWD, path, 0, &f);

	if (n)
		return n;
	n = kernel_read(f, line, LINE_SIZE, 0);
	file_put(f);
	if (n < 0)
		return n;
	line[n] = '\0';
	return n < 2 || line[0] != '#' || line[1] != '!';
}

static int exec_from(struct task *t, const char *name, const char *path, char *const *argv,
		     char *const *envp, unsigned int depth)
{
	char line[LINE_SIZE + 1], *interpreter, *word;
	unsigned int argc = 0, n = 0;
	struct script *s;
	long err = first_line(path, line);

	if (err < 0)
		return (int)err;
	if (err)
		return exec_image(t, path, name, argv, envp);
	if (depth == MAX_DEPTH)
		return -ELOOP;
	while (argv[argc])
		argc++;
	s = kmalloc(sizeof(*s) + (argc + 4) * sizeof(char *), GFP_KERNEL);
	if (!s)
		return -ENOMEM;
	memcpy(s->line, line, sizeof(line));
	quire_strlcpy(s->path, path, sizeof(s->path));
	err = parse(s->line, &interpreter, &word);
	if (!err) {
		s->argv[n++] = interpreter;
		if (word)
			s->argv[n++] = word;
		s->argv[n++] = s->path;
		for (unsigned int i = 1; i < argc; i++)
			s->argv[n++] = argv[i];
		s->argv[n] = NULL;
		err = exec_from(t, name, interpreter, s->argv, envp, depth + 1);
	}
	kfree(s);
	return (int)err;
}

int do_execve(struct task *t, const char *path, char *const *argv, char *const *envp)
{
	return exec_from(t, path, path, argv, envp, 0);
}
