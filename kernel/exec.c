// SPDX-License-Identifier: MIT
/*
 * A program becomes another one: what it is given, scripts and their interpreters, and what stays of the old one (Linux: fs/exec.c,
 * fs/binfmt_script.c).
 *
 * The new address space is made beside the old one, which goes only when nothing can fail any more.
 *
 * Locking: kernel_lock; without it while the old address space is given back.
 */
#include <quire/filemap.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/user.h>

#include "exec.h"
#include "pid.h"
#include "ptrace.h"
#include "syscall.h"
#include "timens.h"
#include "userns.h"

/* One string at the most; all together at least, and at the most, whatever the stack's limit is. */
#define MAX_ARG_STRLEN (32 * PAGE_SIZE)
#define ARG_MAX 131072UL
#define MAX_ARG_BYTES (6UL << 20)
#define MAX_INTERPRETERS 5U
#define SCRIPT_LINE 256U
#define ADDR_NO_RANDOMIZE 0x0040000UL

/* ------------------------------------------------------------------ strings */

/* Room for n bytes more. */
static int reserve(struct exec *e, size_t n)
{
	size_t room = max(e->room, PAGE_SIZE);
	char *text;

	if (n > MAX_ARG_BYTES + MAX_ARG_STRLEN - e->len)
		return -E2BIG;
	while (room - e->len < n)
		room *= 2;
	if (room == e->room)
		return 0;
	text = kvmalloc(room, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	if (e->len)
		memcpy(text, e->text, e->len);
	kvfree(e->text);
	e->text = text;
	e->room = room;
	return 0;
}

static int add_string(struct exec *e, const char *s)
{
	size_t n = strlen(s) + 1;
	int err = reserve(e, n);

	if (err)
		return err;
	memcpy(e->text + e->len, s, n);
	e->len += n;
	return 0;
}

/* Linux: bprm_stack_limits. All strings and pointers. */
static size_t strings_limit(const struct task *t)
{
	return max(min((size_t)t->signal->rlim[RLIMIT_STACK].cur / 4, (size_t)MAX_ARG_BYTES),
		   (size_t)ARG_MAX);
}

/* Linux: the strings grow a stack of one page, each as far as the limit allows (get_arg_page). */
static bool strings_fit(const struct task *t, size_t bytes)
{
	return exec_strings_size(bytes) <=
	       max((unsigned long)t->signal->rlim[RLIMIT_STACK].cur, PAGE_SIZE);
}

/* The strings that an array in the program's memory names; NULL is an empty one. How many, or an error. */
static long add_user_strings(struct exec *e, unsigned long array, size_t limit)
{
	long n = 0;

	for (; array; n++) {
		u64 at;
		long len;
		int err;

		if (get_user(at, array + (unsigned long)n * sizeof(at)))
			return -EFAULT;
		if (!at)
			break;
		err = reserve(e, min(MAX_ARG_STRLEN, 2 * PAGE_SIZE));
		if (err)
			return err;
		len = strncpy_from_user(e->text + e->len, at, min(MAX_ARG_STRLEN, 2 * PAGE_SIZE));
		if (len == -ENAMETOOLONG) {
			err = reserve(e, MAX_ARG_STRLEN);
			if (err)
				return err;
			len = strncpy_from_user(e->text + e->len, at, MAX_ARG_STRLEN);
		}
		if (len < 0)
			return len == -ENAMETOOLONG ? -E2BIG : len;
		e->len += (size_t)len + 1;
		if (e->len + (size_t)(n + 1) * sizeof(u64) > limit)
			return -E2BIG;
		if (fatal_signal_pending())
			return -ERESTARTNOHAND;
	}
	return n;
}

/* ------------------------------------------------------------------ scripts */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The line after "#!" in its parts; *arg NULL: there is none. -ENOEXEC: no script. */
static int parse_script(char *line, size_t n, char **name, char **arg)
{
	char *end = memchr(line, '\n', n), *p = line + 2;

	if (n < 2 || line[0] != '#' || line[1] != '!')
		return -ENOEXEC;
	if (!end) {
		/* Cut off: the name at least has to be whole. */
		end = line + n;
		while (p < end && is_blank(*p))
			p++;
		while (p < end && *p && !is_blank(*p))
			p++;
		if (p == end && n == SCRIPT_LINE - 1)
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
	*name = p;
	while (*p && !is_blank(*p))
		p++;
	*arg = NULL;
	if (*p) {
		*p++ = '\0';
		while (is_blank(*p))
			p++;
		*arg = *p ? p : NULL;
	}
	return 0;
}

/* The script's name takes the place of argv[0], with the interpreter and its argument before it. */
static int replace_arg_zero(struct exec *e, const char *interp, const char *arg, const char *script)
{
	size_t old = e->argc ? strlen(e->text) + 1 : 0,
	       more = strlen(interp) + 1 + (arg ? strlen(arg) + 1 : 0) + strlen(script) + 1;
	int err = reserve(e, more);
	char *to;

	if (err)
		return err;
	memmove(e->text + more, e->text + old, e->len - old);
	e->len += more - old;
	e->arg_len += more - old;
	e->argc += arg ? 2 : 1;
	to = e->text;
	to += quire_strlcpy(to, interp, more) + 1;
	if (arg)
		to += quire_strlcpy(to, arg, more) + 1;
	memcpy(to, script, strlen(script) + 1);
	return 0;
}

/* While the file is a script, its interpreter takes its place. */
static int follow_scripts(struct exec *e, const char *path)
{
	char line[SCRIPT_LINE], *name, *arg, *script = kmalloc(PATH_MAX, GFP_KERNEL);
	struct open_file *f;
	long n;
	int err;

	if (!script)
		return -ENOMEM;
	quire_strlcpy(script, path, PATH_MAX);
	for (unsigned int depth = 0;; depth++) {
		n = mapping_read(e->file->inode->mapping, 0, line, sizeof(line) - 1);
		err = 0;
		if (n < 2 || parse_script(line, (size_t)n, &name, &arg))
			break;
		/* Its interpreter could not open it any more. */
		if (e->name_goes) {
			err = -ENOENT;
			break;
		}
		err = depth == MAX_INTERPRETERS ? -ELOOP : replace_arg_zero(e, name, arg, script);
		if (!err)
			err = file_open_exec(AT_FDCWD, name, 0, &f);
		if (err)
			break;
		file_put(e->file);
		e->file = f;
		quire_strlcpy(script, name, PATH_MAX);
	}
	kfree(script);
	return err;
}

/* ------------------------------------------------------------------ becoming it */

/*
 * Past the point where it can fail: other threads are gone, and what the old program shared with others or had set up goes, as Linux's
 * begin_new_exec has it.
 */
/*
 * What a program may do: all of it as root, else what is ambient, as no file here gives capabilities (Linux: cap_bprm_creds_from_file).
 */
static struct cred after_exec(const struct cred *old)
{
	const bool root = !(old->securebits & SECURE_NOROOT);
	const u64 all = old->cap_inheritable | old->cap_bset;
	const u32 zero = current ? uid_from_user(0) : 0;
	struct cred c = *old;

	c.cap_permitted = (root && zero != NO_ID && (c.uid == zero || c.euid == zero) ? all : 0) |
			  c.cap_ambient;
	c.cap_effective = root && zero != NO_ID && c.euid == zero ? c.cap_permitted : c.cap_ambient;
	c.securebits &= ~SECURE_KEEP_CAPS;
	return c;
}

static void become(struct task *t, struct mm_struct *mm, const char *path)
{
	struct mm_struct *old = t->mm;

	if (old) {
		futex_exit(t);
		mm_release(t);
	}
	t->mm = mm;
	if (t == current)
		mm_switch(mm);
	if (old) {
		kernel_unlock();
		mmput(old);
		kernel_lock();
	}
	t->cred = after_exec(&t->cred);
	t->mce_process = t->mce_early = false;
	flush_signal_handlers(t);
	files_exec(t->files);
	t->altstack.sp = t->altstack.size = 0;
	t->altstack.flags = SS_DISABLE;
	t->restart.fn = NULL;
	t->tagged_addr = false;
	t->fault_address = t->fault_esr = 0;
	for (unsigned int i = 0; i < 2; i++) {
		kfree(t->hw_debug[i]);
		t->hw_debug[i] = NULL;
	}
	if (t == current)
		port_debug_user(t->single_step, NULL, NULL);
	t->rseq = 0;
	t->rseq_len = t->rseq_sig = 0;
	t->robust_list = t->clear_child_tid = 0;
	t->signal->has_execed = true;
	t->signal->exec_id++;
	t->signal->dumpable = true;
	ns_get(&t->user_ns->ns);
	if (t->signal->exec_user_ns)
		ns_put(&t->signal->exec_user_ns->ns);
	t->signal->exec_user_ns = t->user_ns;
	posix_timers_exec(t->signal);
	time_ns_exec(t);
	memset(t->comm, 0, sizeof(t->comm));
	quire_strlcpy(t->comm, strrchr(path, '/') ? strrchr(path, '/') + 1 : path, sizeof(t->comm));
	memset(t->regs, 0, offsetof(struct user_regs, work));
	memset(&t->fp, 0, sizeof(t->fp));
	if (t == current)
		port_load_user(&t->fp);
}

/* What threads share and a new program does not: its own copies, so that nothing fails later. */
static int unshare_for_exec(struct task *t)
{
	struct files_struct *files;
	struct sighand *sighand;

	if (files_shared(t->files)) {
		files = files_dup(t->files);
		if (!files)
			return -ENOMEM;
		files_put(t->files);
		t->files = files;
	}
	if (t->sighand->users > 1) {
		sighand = sighand_alloc();
		if (!sighand)
			return -ENOMEM;
		memcpy(sighand->action, t->sighand->action, sizeof(sighand->action));
		sighand_put(t->sighand);
		t->sighand = sighand;
	}
	return 0;
}

int sysctl_randomize_va_space = 2;

/* e has its file and strings; path: as it was called, for scripts and for the name of the task. */
static int exec_file(struct task *t, struct exec *e, const char *path)
{
	struct mm_struct *mm;
	int err = follow_scripts(e, path);

	if (err)
		return err;
	e->name_len = strlen(path) + 1;
	err = strings_fit(t, e->len + e->name_len) ? add_string(e, path) : -E2BIG;
	e->mm = mm = err ? NULL : mm_alloc();
	if (!mm)
		return err ? err : -ENOMEM;
	if (t->mm)
		mm_inherit(mm, t->mm);
	mm->rlimit_stack = t->signal->rlim[RLIMIT_STACK].cur;
	mm->rlimit_data = t->signal->rlim[RLIMIT_DATA].cur;
	mm->rlimit_as = t->signal->rlim[RLIMIT_AS].cur;
	mm->rlimit_memlock = t->signal->rlim[RLIMIT_MEMLOCK].cur;
	mm->unprivileged = t->user_ns != &init_user_ns ||
			   !(after_exec(&t->cred).cap_effective & BIT(CAP_IPC_LOCK));
	e->randomize = t->personality & ADDR_NO_RANDOMIZE ? 0 : sysctl_randomize_va_space;
	err = elf_load(e);
	if (!err)
		err = de_thread(t);
	if (!err)
		err = unshare_for_exec(t);
	/* Linux has no program left to tell it to; the old one is still here to be ended. */
	if (err && e->no_return && t == current && t->mm && !fatal_signal_pending())
		force_fatal_signal(&(struct siginfo){.signo = SIGSEGV, .code = SI_KERNEL});
	if (err) {
		mmput(mm);
		return err;
	}
	mm->exe_file = get_file(&e->file->file);
	become(t, mm, path);
	t->regs->pc = e->pc;
	t->regs->sp = e->sp;
	if (t == current)
		ptrace_event(PTRACE_EVENT_EXEC, ptrace_message_pid(t->pid));
	return 0;
}

static void exec_end(struct exec *e)
{
	if (e->file)
		file_put(e->file);
	kvfree(e->text);
	kfree(e);
}

int do_execve(struct task *t, const char *path, char *const *argv, char *const *envp)
{
	struct exec *e = kmalloc(sizeof(*e), GFP_KERNEL | __GFP_ZERO);
	int err;

	if (!e)
		return -ENOMEM;
	err = file_open_exec(AT_FDCWD, path, 0, &e->file);
	for (; !err && argv[e->argc]; e->argc++)
		err = add_string(e, argv[e->argc]);
	e->arg_len = e->len;
	for (; !err && envp[e->envc]; e->envc++)
		err = add_string(e, envp[e->envc]);
	e->env_len = e->len - e->arg_len;
	if (!err)
		err = exec_file(t, e, path);
	exec_end(e);
	return err;
}

/* The call of a program: all names are in its memory. */
static long execve_user(int dirfd, const char *path, const char *name, unsigned long argv,
			unsigned long envp, unsigned int flags)
{
	const bool by_descriptor = path != name;
	struct exec *e = kmalloc(sizeof(*e), GFP_KERNEL | __GFP_ZERO);
	size_t limit = strings_limit(current);
	long n;

	if (!e)
		return -ENOMEM;
	e->name_goes = by_descriptor && file_of_raw((unsigned int)dirfd) &&
		       files_cloexec(current->files, (unsigned int)dirfd);
	n = file_open_exec(dirfd, path, flags, &e->file);
	if (n < 0)
		goto out;
	n = add_user_strings(e, argv, limit);
	/* A program finds its name at least as an empty string. */
	if (n == 0)
		n = add_string(e, "") ? -ENOMEM : 1;
	if (n < 0)
		goto out;
	e->argc = (unsigned int)n;
	e->arg_len = e->len;
	n = add_user_strings(e, envp, limit - min(limit, e->argc * sizeof(u64)));
	if (n < 0)
		goto out;
	e->envc = (unsigned int)n;
	e->env_len = e->len - e->arg_len;
	n = strings_fit(current, e->len + strlen(name) + 1) ? exec_file(current, e, name) : -E2BIG;
out:
	exec_end(e);
	return n;
}

long call_execve(const struct syscall_args *r)
{
	char *path;
	long err = user_path_get(r->a[0], &path);

	if (err)
		return err;
	err = execve_user(AT_FDCWD, path, path, r->a[1], r->a[2], 0);
	kfree(path);
	return err;
}

static char *add_number(char *to, unsigned int n)
{
	char digits[12], *p = digits;

	do
		*p++ = (char)('0' + n % 10);
	while (n /= 10);
	while (p > digits)
		*to++ = *--p;
	return to;
}

long call_execveat(const struct syscall_args *r)
{
	unsigned int flags = (unsigned int)r->a[4];
	char *path, *name, *p;
	long err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = user_path_get(r->a[1], &path);
	if (err)
		return err;
	if ((int)r->a[0] == AT_FDCWD || path[0] == '/') {
		err = execve_user((int)r->a[0], path, path, r->a[2], r->a[3], flags);
		kfree(path);
		return err;
	}
	/* What scripts and /proc can find it by. */
	name = kmalloc(PATH_MAX + 32, GFP_KERNEL);
	if (name) {
		p = name + quire_strlcpy(name, "/dev/fd/", PATH_MAX);
		p = add_number(p, (unsigned int)r->a[0]);
		*p = '\0';
		if (path[0]) {
			*p++ = '/';
			quire_strlcpy(p, path, PATH_MAX);
		}
		err = execve_user((int)r->a[0], path, name, r->a[2], r->a[3], flags);
		kfree(name);
	} else {
		err = -ENOMEM;
	}
	kfree(path);
	return err;
}
