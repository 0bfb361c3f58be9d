// SPDX-License-Identifier: MIT
/* links: kernel/pseudo.c lib/out.c lib/vsprintf.c lib/string.c */
/* Files that are texts (kernel/pseudo.c): reading in pieces, directories, numbers, lists of CPUs. */
/* The kernel has structures of these names. */
#define timespec libc_timespec
#define iovec libc_iovec
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef timespec
#undef iovec

#include <quire/mmzone.h>
#include <quire/slab.h>

#include "../../kernel/proc.h"
#include "../../kernel/task.h"

/* ------------------------------------------------------------------ what the rest of the kernel does */

unsigned int nr_cpus_possible = 4;
static int freed;

struct kmem_cache kmalloc_caches[NR_KMALLOC_TYPES][KMALLOC_SHIFT_HIGH + 1];

void *__kmalloc(size_t size, gfp_t gfp)
{
	(void)gfp;
	return calloc(1, size);
}

void *__kmalloc_cache(size_t size, gfp_t gfp, struct kmem_cache *s)
{
	(void)s;
	return __kmalloc(size, gfp);
}

void *__kmalloc_cache_gfp(size_t size, gfp_t gfp, struct kmem_cache *s)
{
	(void)s;
	return __kmalloc(size, gfp);
}

void kfree(const void *p)
{
	free((void *)p);
}

void *vmalloc(unsigned long n)
{
	return malloc(n);
}

void vfree(const void *p)
{
	free((void *)p);
}

static struct task writer;
DEFINE_PER_CPU(struct task *, current_task) = &writer;

/* Texts of a namespace's are not among these. */
void ns_get(struct namespace *ns)
{
	fail_msg("a use of namespace %p", (void *)ns);
}

void ns_put(struct namespace *ns)
{
	fail_msg("the end of a use of namespace %p", (void *)ns);
}

struct inode *inode_alloc(struct super *sb, u32 mode)
{
	struct inode *n = calloc(1, sizeof(*n));

	n->sb = sb;
	n->mode = mode;
	n->users = 1;
	return n;
}

struct dentry *dentry_alloc(struct dentry *parent, const char *name, size_t len,
			    struct inode *inode)
{
	struct dentry *d = calloc(1, sizeof(*d) + len + 1);

	d->parent = parent;
	d->inode = inode;
	memcpy(d->first_name, name, len);
	return d;
}

size_t copy_to_iter(const void *from, size_t n, struct iter *it)
{
	n = n < it->left ? n : it->left;
	memcpy((void *)(it->one.base + it->skip), from, n);
	it->skip += n;
	it->left -= n;
	return n;
}

size_t copy_from_iter(void *to, size_t n, struct iter *it)
{
	n = n < it->left ? n : it->left;
	memcpy(to, (void *)(it->one.base + it->skip), n);
	it->skip += n;
	it->left -= n;
	return n;
}

long simple_read(struct iter *to, u64 *pos, const void *text, size_t len)
{
	size_t n;

	if (*pos >= len)
		return 0;
	n = copy_to_iter((const char *)text + *pos, len - *pos, to);
	*pos += n;
	return (long)n;
}

s64 generic_llseek(struct open_file *f, s64 offset, int whence)
{
	(void)f;
	(void)whence;
	return offset;
}

struct task *proc_task(const struct pseudo_ref *r)
{
	(void)r;
	return NULL;
}

/* ------------------------------------------------------------------ a file system for the tests */

static int lines = 3, shows;
static long stored;

static int show_lines(struct out *out, const struct pseudo_ref *r)
{
	(void)r;
	shows++;
	for (int i = 0; i < lines; i++)
		out_printf(out, "line %d\n", i);
	return 0;
}

static int store_number(const struct pseudo_ref *r, char *text, size_t n)
{
	(void)r;
	(void)n;
	return parse_long(text, &stored);
}

static int kept = 7;
static const struct pseudo_entry sub_entries[] = {PSEUDO_TEXT("inner", 0444, show_lines), {0}};

static int asked_lookup(const struct pseudo_ref *dir, const char *name, size_t len,
			struct pseudo_ref *found)
{
	(void)dir;
	if (len != 1 || *name < '3' || *name > '5')
		return -ENOENT;
	found->e = &sub_entries[0];
	found->key = (u64)(*name - '0');
	return 0;
}

static bool asked_next(const struct pseudo_ref *dir, u64 *pos, char name[64],
		       struct pseudo_ref *found)
{
	(void)dir;
	if (*pos < 3)
		*pos = 3;
	if (*pos > 5)
		return false;
	name[0] = (char)('0' + *pos);
	name[1] = '\0';
	found->e = &sub_entries[0];
	found->key = *pos;
	return true;
}

static const struct pseudo_dir asked = {asked_lookup, asked_next};
static const struct pseudo_entry root_entries[] = {
	{.name = "text", .mode = S_IFREG | 0644, .show = show_lines, .store = store_number},
	{.name = "kept",
	 .mode = S_IFREG | 0644,
	 .show = pseudo_show_int,
	 .store = pseudo_store_int,
	 .data = &kept,
	 .min = 0,
	 .max = 10},
	PSEUDO_DIR("sub", 0555, sub_entries),
	{0},
};
static const struct pseudo_entry root = {
	.name = "", .mode = S_IFDIR | 0555, .sub = root_entries, .dir = &asked};

static const struct fs_type type = {.name = "sysfs"};
static struct super sb;

static struct inode *look(struct inode *dir, const char *name)
{
	struct inode *found = NULL;

	return dir->op->lookup(dir, name, strlen(name), &found) ? NULL : found;
}

static void drop(struct inode *n)
{
	n->op->evict(n);
	free(n);
	freed++;
}

static int setup(void **state)
{
	(void)state;
	sb = (struct super){.type = &type};
	lines = 3;
	shows = 0;
	return pseudo_fill(&sb, &root);
}

static int teardown(void **state)
{
	(void)state;
	drop(sb.root->inode);
	free(sb.root);
	return 0;
}

static long read_at(struct open_file *f, char *buf, size_t n, u64 *pos)
{
	struct iter it = {.left = n, .one = {(u64)(unsigned long)buf, n}};

	return f->op->read(f, &it, pos);
}

static long write_text(struct open_file *f, const char *text)
{
	struct iter it = {.left = strlen(text), .one = {(u64)(unsigned long)text, strlen(text)}};
	u64 pos = 0;

	return f->op->write(f, &it, &pos);
}

static void open_it(struct open_file *f, struct inode *n)
{
	memset(f, 0, sizeof(*f));
	f->inode = n;
	f->op = n->fop;
	if (f->op->open)
		assert_int_equal(f->op->open(n, f), 0);
}

/* ------------------------------------------------------------------ tests */

static void reading_in_pieces_shows_one_state_and_reading_at_0_the_next(void **state)
{
	struct inode *n = look(sb.root->inode, "text");
	struct open_file f;
	char buf[64];
	u64 pos = 0;

	(void)state;
	open_it(&f, n);
	assert_int_equal(read_at(&f, buf, 10, &pos), 10);
	assert_memory_equal(buf, "line 0\nlin", 10);
	lines = 1; /* what changes meanwhile is not seen */
	assert_int_equal(read_at(&f, buf, sizeof(buf), &pos), 11);
	assert_memory_equal(buf, "e 1\nline 2\n", 11);
	assert_int_equal(read_at(&f, buf, sizeof(buf), &pos), 0);
	assert_int_equal(shows, 1);
	pos = 0;
	assert_int_equal(read_at(&f, buf, sizeof(buf), &pos), 7);
	assert_int_equal(shows, 2);
	f.op->release(&f);
	drop(n);
}

static void a_text_grows_beyond_what_the_slab_has(void **state)
{
	struct inode *n = look(sb.root->inode, "text");
	static char buf[200000];
	struct open_file f;
	u64 pos = 0;

	(void)state;
	lines = 10000;
	open_it(&f, n);
	/* 10 of 7 bytes, 90 of 8, 900 of 9, 9000 of 10 */
	assert_int_equal(read_at(&f, buf, sizeof(buf), &pos), 70 + 720 + 8100 + 90000);
	assert_memory_equal(buf + pos - 10, "line 9999\n", 10);
	f.op->release(&f);
	drop(n);
}

static void a_write_is_one_value(void **state)
{
	struct inode *n = look(sb.root->inode, "text"), *k = look(sb.root->inode, "kept");
	struct open_file f;

	(void)state;
	open_it(&f, n);
	assert_int_equal(write_text(&f, "0x10\n"), 5);
	assert_int_equal(stored, 16);
	assert_int_equal(write_text(&f, "12x"), -EINVAL);
	f.op->release(&f);
	open_it(&f, k);
	assert_int_equal(write_text(&f, "10"), 2);
	assert_int_equal(kept, 10);
	assert_int_equal(write_text(&f, "11"), -EINVAL);
	assert_int_equal(write_text(&f, "-1"), -EINVAL);
	assert_int_equal(kept, 10);
	f.op->release(&f);
	drop(n);
	drop(k);
}

struct names {
	struct dir_context ctx;
	char text[128];
	int room;
};

static bool emit(struct dir_context *ctx, const char *name, size_t len, u64 ino, u32 type)
{
	struct names *s = container_of(ctx, struct names, ctx);

	(void)type;
	assert_true(ino > 0);
	if (!s->room--)
		return false;
	strncat(s->text, name, len);
	strcat(s->text, " ");
	return true;
}

static void a_directory_is_read_in_pieces_of_any_size_without_loss(void **state)
{
	struct open_file f;

	(void)state;
	open_it(&f, sb.root->inode);
	f.dentry = sb.root;
	for (int room = 1; room < 10; room++) {
		struct names s = {.ctx = {.emit = emit}};

		for (int i = 0; i < 12; i++) {
			s.room = room;
			assert_int_equal(f.op->readdir(&f, &s.ctx), 0);
		}
		assert_string_equal(s.text, ". .. text kept sub 3 4 5 ");
	}
}

static void names_that_are_not_there_are_not_found(void **state)
{
	struct inode *n;

	(void)state;
	assert_null(look(sb.root->inode, "tex"));
	assert_null(look(sb.root->inode, "texts"));
	assert_null(look(sb.root->inode, "6"));
	n = look(sb.root->inode, "4");
	assert_non_null(n);
	assert_int_equal(pseudo_ref(n)->key, 4);
	drop(n);
}

static void the_same_entry_has_the_same_number(void **state)
{
	struct inode *a = look(sb.root->inode, "3"), *b = look(sb.root->inode, "3"),
		     *c = look(sb.root->inode, "4");

	(void)state;
	assert_int_equal(a->ino, b->ino);
	assert_int_not_equal(a->ino, c->ino);
	drop(a);
	drop(b);
	drop(c);
}

static void numbers_are_read_as_C_writes_them(void **state)
{
	long v;

	(void)state;
	assert_int_equal(parse_long(" -17\n", &v), 0);
	assert_int_equal(v, -17);
	assert_int_equal(parse_long("010", &v), 0);
	assert_int_equal(v, 8);
	assert_int_equal(parse_long("0", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(parse_long("9223372036854775807", &v), 0);
	assert_true(v == LONG_MAX);
	assert_int_equal(parse_long("9223372036854775808", &v), -ERANGE);
	assert_int_equal(parse_long("", &v), -EINVAL);
	assert_int_equal(parse_long("-", &v), -EINVAL);
	assert_int_equal(parse_long("1 2", &v), -EINVAL);
	assert_int_equal(parse_long("08", &v), -EINVAL);
}

static void several_numbers_are_taken_one_by_one(void **state)
{
	char text[] = "\t1 0x10\n-3", wrong[] = "4 5a 6", spaces[] = " \n", *at = text;
	long v;

	(void)state;
	assert_int_equal(parse_next(&at, &v), 1);
	assert_int_equal(v, 1);
	assert_int_equal(parse_next(&at, &v), 1);
	assert_int_equal(v, 16);
	assert_int_equal(parse_next(&at, &v), 1);
	assert_int_equal(v, -3);
	assert_int_equal(parse_next(&at, &v), 0);
	at = wrong;
	assert_int_equal(parse_next(&at, &v), 1);
	assert_int_equal(parse_next(&at, &v), -EINVAL);
	at = spaces;
	assert_int_equal(parse_next(&at, &v), 0);
}

static int places[2];
static unsigned int whose;

static void *own_place(void *data)
{
	return (int *)data + whose;
}

static void a_number_with_a_place_is_of_who_asks(void **state)
{
	static const struct pseudo_entry number = {.data = places, .place = own_place, .max = 9};
	const struct pseudo_ref r = {.e = &number};
	char text[] = "7";

	(void)state;
	whose = 1;
	assert_int_equal(pseudo_store_int(&r, text, 1), 0);
	assert_int_equal(places[0], 0);
	assert_int_equal(places[1], 7);
	whose = 0;
	assert_ptr_equal(pseudo_data(&r), &places[0]);
}

static char cpu_text[64];

static int cpu_write(struct out *out, const char *s, size_t n)
{
	(void)out;
	strncat(cpu_text, s, n);
	return 0;
}

static const char *cpus_of(unsigned int possible, u64 low, u64 high, bool list)
{
	u64 bits[4] = {low, high};
	struct out out = {.write = cpu_write};

	cpu_text[0] = '\0';
	nr_cpus_possible = possible;
	put_cpus(&out, bits, list);
	return cpu_text;
}

static void cpus_are_masks_and_lists(void **state)
{
	(void)state;
	assert_string_equal(cpus_of(2, 3, 0, false), "3");
	assert_string_equal(cpus_of(2, 3, 0, true), "0-1");
	assert_string_equal(cpus_of(8, 0xd, 0, false), "0d");
	assert_string_equal(cpus_of(8, 0xd, 0, true), "0,2-3");
	assert_string_equal(cpus_of(40, 1ULL << 39 | 1, 0, false), "80,00000001");
	assert_string_equal(cpus_of(70, 1ULL << 63, 1, true), "63-64");
	assert_string_equal(cpus_of(4, 0, 0, true), "");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(reading_in_pieces_shows_one_state_and_reading_at_0_the_next),
		T(a_text_grows_beyond_what_the_slab_has),
		T(a_write_is_one_value),
		T(a_directory_is_read_in_pieces_of_any_size_without_loss),
		T(names_that_are_not_there_are_not_found),
		T(the_same_entry_has_the_same_number),
		T(numbers_are_read_as_C_writes_them),
		T(several_numbers_are_taken_one_by_one),
		T(a_number_with_a_place_is_of_who_asks),
		T(cpus_are_masks_and_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
