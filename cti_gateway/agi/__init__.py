"""Call entry: the question that the dialplan asks by FastAGI, and the process that always answers it."""
