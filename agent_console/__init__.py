"""The console server: REST and Socket.IO for agents, supervisors and administrators, and the browser app."""
