"""Named consumers: each application reads at its own pace."""
