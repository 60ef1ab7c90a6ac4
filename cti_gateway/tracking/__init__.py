"""What the call tracker is made of: whose channel it is, who hears whom, and the state of one contact. Pure."""
