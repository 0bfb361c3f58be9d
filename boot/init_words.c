// SPDX-License-Identifier: MIT
/*
 * What the command line says to the first program (Linux: init/main.c, unknown_bootoption, set_init_arg, rdinit_setup): words that
 * nobody here knows, those with a value as its environment, and all that stands behind "--" as arguments.
 *
 * Locking: none, it is asked once.
 */
#include <quire/boot.h>
#include <quire/params.h>
#include <quire/printk.h>
#include <quire/string.h>

/* The line with room for the ends of words, once cut up and once put together. */
static char cut[COMMAND_LINE_SIZE], words[2 * COMMAND_LINE_SIZE];

/* Behind the others, or in the place of the one whose first n characters are the same; n 0: of none. */
static bool add_word(char **list, char *word, size_t n)
{
	unsigned int i;

	for (i = 0; list[i]; i++)
		if (n && !strncmp(list[i], word, n))
			break;
	if (i == MAX_INIT_WORDS)
		return false;
	list[i] = word;
	return true;
}

void init_words(struct init_words *w)
{
	char *args, *param, *val, *word = words;
	unsigned int left_out = 0;
	bool behind = false;

	*w = (struct init_words){{"/init"}, {"HOME=/", "TERM=linux"}};
	quire_strlcpy(cut, boot_command_line, sizeof(cut));
	for (args = cut; *args == ' ' || (*args >= '\t' && *args <= '\r');)
		args++;
	while (*args) {
		args = next_arg(args, &param, &val);
		if (!*param)
			continue;
		if (!behind && !val && !strcmp(param, "--")) {
			behind = true;
			continue;
		}
		if (!behind && (!strcmp(param, "rdinit") || !strcmp(param, "init"))) {
			/* What stands before it was for another one. */
			memset(w->argv + 1, 0, sizeof(w->argv) - sizeof(w->argv[0]));
			if (val && *val && param[0] == 'r')
				w->argv[0] = val;
			continue;
		}
		if (!behind && boot_param_known(param))
			continue;
		quire_snprintf(word, (size_t)(words + sizeof(words) - word), "%s%s%s", param,
			       val ? "=" : "", val ? val : "");
		if (!add_word(behind || !val ? w->argv : w->envp, word,
			      behind || !val ? 0 : strlen(param) + 1))
			left_out++;
		word += strlen(word) + 1;
	}
	if (left_out)
		pr_warn("init gets %u words of the command line, and %u are left out\n",
			MAX_INIT_WORDS, left_out);
}
