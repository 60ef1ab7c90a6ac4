"""The distributor of what we distribute ourselves: chats, mails, callbacks. Pure; time is an argument."""
