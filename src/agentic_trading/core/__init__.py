"""The ground floor: language, exact money, numbers and ports; it imports nothing of ours."""
