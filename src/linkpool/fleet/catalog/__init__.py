"""What every node serves, and what it may be bought for."""
