# SPDX-License-Identifier: MIT
# bash completion for quire. Commands and options are those that the program's own help names, so that this file does not age.

_quire_commands() {
	"$1" --help 2>/dev/null | sed -e ':a' -e '/|$/{N;s/\n *//;ba' -e '}' | sed -nE 's/^  quire ([a-z][a-z|_]*).*/\1/p' | tr '|' '\n'
}

_quire_options() {
	"$1" "$2" --help 2>/dev/null | grep -oE '^ +(-[a-z], )?--[a-z-]+' | grep -oE -- '--?[a-z-]+'
}

# Files whose names end so, and folders.
_quire_files() {
	local IFS=$'\n'
	compopt -o filenames 2>/dev/null
	COMPREPLY+=($(compgen -f -X "!*.@($1)" -- "$cur") $(compgen -d -- "$cur"))
}

_quire() {
	local quire=$1 cur=${COMP_WORDS[COMP_CWORD]} prev='' command='' i
	COMPREPLY=()
	[ "$COMP_CWORD" -gt 0 ] && prev=${COMP_WORDS[COMP_CWORD - 1]}
	[ "$COMP_CWORD" -gt 1 ] && command=${COMP_WORDS[1]}
	# --option=value comes as three words.
	[ "$cur" = = ] && cur=''
	[ "$prev" = = ] && prev=${COMP_WORDS[COMP_CWORD - 2]}
	shopt -q extglob || shopt -s extglob

	if [ "$COMP_CWORD" = 1 ]; then
		COMPREPLY=($(compgen -W "$(_quire_commands "$quire") --help --version" -- "$cur"))
		return
	fi
	case $prev in
	--build | --show | --base)
		COMPREPLY=($(compgen -W "$("$quire" profile --list 2>/dev/null | cut -d' ' -f1)" -- "$cur"))
		_quire_files profile
		return
		;;
	--cpu)
		COMPREPLY=($(compgen -W "$("$quire" boot --help 2>/dev/null | sed -n '/^CPU models:/,/^Properties/p' | sed 's/^CPU models://; /^Properties/d')" -- "$cur"))
		return
		;;
	--granule)
		COMPREPLY=($(compgen -W '4k 16k 64k' -- "$cur"))
		return
		;;
	--severity)
		COMPREPLY=($(compgen -W 'note warning error' -- "$cur"))
		return
		;;
	--only | --disable)
		COMPREPLY=($(compgen -P "${cur%"${cur##*,}"}" -W "$("$quire" check --list 2>/dev/null | cut -d' ' -f1)" -- "${cur##*,}"))
		return
		;;
	-o | --output)
		_quire_files 'html|svg'
		return
		;;
	--kernel | --initrd | --from)
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -f -- "$cur"))
		return
		;;
	--mem | -m | --cpus | --kernel-at | --dtb-at | --append | --va-bits | --at | --range | --managed | --seconds | --rounds | --seed | --fail)
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$(_quire_options "$quire" "$command") --help" -- "$cur"))
		return
	fi
	case $command in
	profile) ;;
	map) _quire_files 'dtb|json' ;;
	compare) _quire_files 'dtb|txt|log' ;;
	*) _quire_files dtb ;;
	esac
}
complete -F _quire quire
