"""E-mail as a channel: letters read and written (pure), and a mailbox fetched by IMAP."""
