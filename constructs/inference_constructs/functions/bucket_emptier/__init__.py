"""What empties a bucket before CloudFormation deletes it."""
