"""Chats: what joins visitors, the hub, agents and supervisors."""
