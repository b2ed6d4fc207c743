"""The forms that an inference body may have at the same URL, one file each; `table` finds the right one."""
