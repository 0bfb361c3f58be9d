/* SPDX-License-Identifier: MIT */
/* The HTML report without its document (tools/embed_report.sh): [report_template, report_template_end). */
	.section .rodata
	.global report_template, report_template_end
	.balign 16
report_template:
	.incbin REPORT
report_template_end:
	.byte 0
	.section .note.GNU-stack, "", %progbits
