// SPDX-License-Identifier: MIT
/*
 * What the machine is called: uname, sethostname, setdomainname, a namespace each (Linux: kernel/utsname.c, kernel/sys.c,
 * kernel/utsname_sysctl.c). Locking: kernel_lock.
 */
#include <quire/slab.h>
#include <quire/string.h>

#include "clone.h"
#include "namespace.h"
#include "pseudo.h"
#include "syscall.h"
#include "task.h"
#include "userns.h"

#define NAME_SIZE 65U

struct uts_ns {
	struct namespace ns;
	char text[2][NAME_SIZE]; /* node, domain */
};

static struct uts_ns first = {
	.ns = {.users = 1, .type = CLONE_NEWUTS, .ino = UTS_NS_INO},
	.text = {"quire", "(none)"},
};
struct namespace *const init_uts_ns = &first.ns;

static struct uts_ns *own(void)
{
	return container_of(current->nsproxy->of[NSP_UTS], struct uts_ns, ns);
}

long uts_ns_new(struct user_ns *owner, struct namespace **made)
{
	struct uts_ns *ns = kmalloc(sizeof(*ns), GFP_KERNEL);
	int err = ns ? ns_init(&ns->ns, CLONE_NEWUTS, owner) : -ENOMEM;

	if (err) {
		kfree(ns);
		return err;
	}
	memcpy(ns->text, own()->text, sizeof(ns->text));
	*made = &ns->ns;
	return 0;
}

long call_uname(const struct syscall_args *r)
{
	/* The interface that programs are told to expect is Linux's; the version says whose it is. */
	char fields[6][NAME_SIZE] = {"Linux", "", "6.12.0", "Quire", "aarch64", ""};

	memcpy(fields[1], own()->text[0], NAME_SIZE);
	memcpy(fields[5], own()->text[1], NAME_SIZE);
	return copy_to_user(r->a[0], fields, sizeof(fields));
}

static long set_text(unsigned int which, const struct syscall_args *r)
{
	char name[NAME_SIZE] = {0};

	if (!ns_capable(ns_owner(&own()->ns), CAP_SYS_ADMIN))
		return -EPERM;
	if ((s64)r->a[1] < 0 || r->a[1] >= NAME_SIZE)
		return -EINVAL;
	if (copy_from_user(name, r->a[0], r->a[1]))
		return -EFAULT;
	memcpy(own()->text[which], name, sizeof(name));
	return 0;
}

long call_sethostname(const struct syscall_args *r)
{
	return set_text(0, r);
}

long call_setdomainname(const struct syscall_args *r)
{
	return set_text(1, r);
}

/* ------------------------------------------------------------------ /proc/sys/kernel/hostname, domainname */

static unsigned int which_of(const struct pseudo_ref *r)
{
	return r->e->name[0] == 'd';
}

int show_uts(struct out *out, const struct pseudo_ref *r)
{
	out_printf(out, "%s\n", own()->text[which_of(r)]);
	return 0;
}

int store_uts(const struct pseudo_ref *r, char *text, size_t n)
{
	char *end = strchr(text, '\n'), *to = own()->text[which_of(r)];

	(void)n;
	if (end)
		*end = '\0';
	memset(to, 0, NAME_SIZE);
	quire_strlcpy(to, text, NAME_SIZE);
	return 0;
}
