"""Search: how texts are taken apart so that whatever part of them is asked for is found at once."""
