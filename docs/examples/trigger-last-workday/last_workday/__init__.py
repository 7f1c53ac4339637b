"""The trigger LAST_WORKDAY: the last Monday to Friday of each month."""
